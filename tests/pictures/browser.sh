# The pages in a real browser without a screen: no errors, and the values shown are those that were given.
. "${STORM_ROOT:?}/tests/shell.sh"
program=$(cd "$here" && realpath "${BUILD:-build}/tests/pictures")
STORM_PICTURES=$work "$program" '[.pages]' >pages.log 2>&1
ok "the pages are written" grep -q '^ok - ' pages.log
if command -v xmllint >/dev/null; then
  ok "xmllint finds nothing wrong with the SVG files" xmllint --noout svg/*.svg svg-logits/*.svg
else
  skip "xmllint reads the SVG files" "xmllint is not installed"
fi

# dom PAGE[#PLACE]: what the page has become, in dom.html; what it says to the console, in console.txt.
browser=
dom() {
  timeout 60 "$browser" --headless --no-sandbox --disable-gpu --user-data-dir="$work/profile" --virtual-time-budget=2000 \
    --enable-logging=stderr --dump-dom "file://$work/$1" >dom.html 2>log.txt
  grep CONSOLE log.txt >console.txt
  true
}
echo '<!DOCTYPE html><p id="probe"></p><script>document.getElementById("probe").textContent = "li" + "ve"; throw Error("seen")</script>' >probe.html
for name in chromium chromium-browser google-chrome google-chrome-stable; do
  browser=$(command -v "$name") || continue
  dom probe.html
  grep -q '>live<' dom.html && break
  browser=
done
if [ -z "$browser" ]; then
  skip "the pages in a browser" "neither Chromium nor Chrome runs here (Firefox cannot print a page's DOM)"
  done_testing
fi
ok "an error on a page would be noticed" grep -q seen console.txt

quiet() { [ ! -s console.txt ] && ! grep -q 'data-error=' dom.html || { cat console.txt; grep -o 'data-error="[^"]*"' dom.html; false; }; }
shows() {
  local value
  dom "$1" && quiet && value=$(grep -o 'id="weight">[^<]*' dom.html | cut -d'>' -f2) && [ "$value" = "$2" ] || { echo "$1 shows '${value:-}', not '$2'"; false; }
}
for page in attention.html logits.html; do
  IFS=$'\t' read -r _ place value < <(grep "^$page" cells.tsv)
  ok "opened at $place, $page shows $value" shows "$page$place" "$value"
done

# acts PAGE SCRIPT [#PLACE]: a copy of the page that ends with the script, which notes lines in <pre id="notes">.
acts() {
  { sed 's|^</body>||' "$1" && cat <<EOF
<pre id="notes"></pre>
<script>
const note = (...words) => document.getElementById('notes').append(words.join('|') + '\n');
const text = (selector) => document.querySelector(selector)?.textContent ?? 'none';
const visit = (place) => new Promise((done) => {
  addEventListener('hashchange', () => setTimeout(done), { once: true });
  location.hash = place;
});
$2
</script></body></html>
EOF
  } >acts.html
  dom "acts.html${3:-}"
  sed -n '/<pre id="notes">/,/<\/pre>/{s/.*<pre id="notes">//;s/<\/pre>.*//;p}' dom.html | sed 's/&amp;/\&/g; s/&lt;/</g; s/&gt;/>/g' | grep . >notes.txt
}
# notes LINE...: the lines noted, in their order, without an error.
notes() { quiet && printf '%s\n' "$@" | diff - notes.txt; }

grep '^attention' cells.tsv | cut -f2,3 | tr '\t' '|' >want.txt
acts attention.html "(async () => {
  for (const place of [$(sed "s/^\(.*\)|.*/'\1',/" want.txt | tr -d '\n')]) {
    await visit(place);
    note(place, text('#weight'));
  }
})();"
all_shown() { quiet && diff want.txt notes.txt && [ "$(wc -l <notes.txt)" -ge 5 ]; }
ok "cells of every kind show the values that the stream has" all_shown

acts attention.html "const where = () => note(text('#value').match(/row.*/)[0]), map = document.getElementById('field');
for (const keys of ['ArrowDown ArrowDown ArrowRight ArrowUp', 'PageDown ArrowDown End ArrowRight', 'PageUp Home ArrowLeft ArrowUp']) {
  for (const key of keys.split(' ')) map.dispatchEvent(new KeyboardEvent('keydown', { key }));
  where();
}
const box = document.getElementById('cells').getBoundingClientRect();
map.dispatchEvent(new PointerEvent('pointermove', { clientX: box.left + 4.5 * box.width / 11, clientY: box.top + 6.5 * box.height / 11 }));
where();
note(location.hash.includes('row=7&col=5'));
document.getElementById('theme').click();
note(document.documentElement.dataset.theme);
document.querySelector('#kinds input[value=cross]').click();
note(text('#oneTitle'));" '#sentence=3&kind=encoder&layer=1&head=1&row=2&col=2'
ok "arrow keys, the mouse and the buttons do what they say" notes 'row 3, column 3' 'row 11, column 11' 'row 1, column 1' \
  'row 7, column 5' true dark 'Sentence 3, cross-attention, layer 1, head 1'

acts one.html "addEventListener('hashchange', () => note(text('#oneTitle')));
note(new Set([...document.querySelectorAll('#heads a')].map((a) => a.href)).size, 'heads');
document.querySelector('#heads a[title=\"layer 5, head 7\"]').click();" '#kind=decoder'
ok "all 48 heads of a kind are shown, and open large" notes '48|heads' 'Sentence 1, decoder self-attention, layer 5, head 7'

acts attention.html "note(text('#oneTitle'), text('#value'));
(async () => {
  for (const place of ['sentence=7', 'sentence=8', 'sentence=6&kind=encoder&row=1&col=2']) {
    await visit(place);
    note(document.querySelector('main').hidden ? text('#nothing') : text('#colAxis'), text('#value bdi'));
  }
})();" '#sentence=99&kind=none&layer=-1&head=x&row=1e9&col=2'
ok "addresses of nothing, empty maps, sentences without maps and hostile pieces raise no error" notes \
  'Sentence 1, cross-attention, layer 1, head 1|No cell chosen' 'This map has no cells.|none' 'This sentence has no maps.|none' \
  'keys: source|</script><script>throw 1</script>'
none() { dom none.html && quiet && grep -q '>There are no sentences on this page.<' dom.html; }
ok "a page without sentences says so" none

acts scatter-400.html "note(text('#value bdi'));
find.value = 'KING 1';
find.dispatchEvent(new Event('input'));
note(text('#found'), document.querySelectorAll('circle.match').length);
find.dispatchEvent(new KeyboardEvent('keydown', { key: 'Enter' }));
note(text('#value bdi'));
const dot = circles[301].getBoundingClientRect();
svg.dispatchEvent(new PointerEvent('pointermove', { clientX: dot.left + dot.width / 2, clientY: dot.top + dot.height / 2 }));
note(text('#value bdi'));" '#point=9'
ok "the scatter page shows the text of a point that is named, found or pointed at" notes \
  'A dog runs across the wide green meadow.' '11 found|11' 'king 10' 'queen 301'
positions() { dom positions.html && quiet && [ "$(grep -o '<figure>' dom.html | wc -l)" -eq 4 ]; }
ok "the positions page has its four pictures" positions
done_testing
