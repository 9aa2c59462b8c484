// The scatter page: each point is [x, y, first coordinate, second, text], x and y in the picture's own units.
const data = JSON.parse(document.getElementById('data').textContent);
const svg = document.querySelector('svg'), circles = [...document.querySelectorAll('.points circle')];
let chosen = -1, matches = [];

function choose(index) {
  if (index === chosen || !data[index]) return;
  circles[chosen]?.classList.remove('on');
  chosen = index;
  circles[index].classList.add('on');
  const [, , first, second, text] = data[index];
  const where = Object.assign(document.createElement('span'), { className: 'soft', textContent: `(${first}, ${second})` });
  document.getElementById('value').replaceChildren(pieceElement(text), where);
}

// The index of the least of cost(point), Infinity aside.
function least(cost) {
  let best = -1, lowest = Infinity;
  data.forEach((point, i) => {
    const c = cost(point, i);
    if (c < lowest) { lowest = c; best = i; }
  });
  return best;
}

svg.addEventListener('pointermove', (event) => {
  const at = new DOMPoint(event.clientX, event.clientY).matrixTransform(svg.getScreenCTM().inverse());
  choose(least(([x, y]) => { const far = Math.hypot(x - at.x, y - at.y); return far < 40 ? far : Infinity; }));
});

document.getElementById('plot').addEventListener('keydown', (event) => {
  const way = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
  if (!way || event.ctrlKey || event.altKey || event.metaKey) return;
  event.preventDefault();
  if (chosen < 0) { choose(0); return; }
  const [fromX, fromY] = data[chosen];
  choose(least(([x, y], i) => {
    const ahead = (x - fromX) * way[0] + (y - fromY) * way[1], aside = Math.abs((x - fromX) * way[1] + (y - fromY) * way[0]);
    return i !== chosen && ahead > 0 ? ahead + 2 * aside : Infinity;
  }));
});

const find = document.getElementById('find');
find.addEventListener('input', () => {
  const wanted = find.value.toLowerCase();
  matches = wanted ? data.flatMap((point, i) => point[4].toLowerCase().includes(wanted) ? [i] : []) : [];
  const hits = new Set(matches);
  circles.forEach((circle, i) => circle.classList.toggle('match', hits.has(i)));
  document.getElementById('found').textContent = wanted ? `${matches.length} found` : '';
});
find.addEventListener('keydown', (event) => {
  if (event.key === 'Enter' && matches.length) choose(matches.find((i) => i > chosen) ?? matches[0]);
});

// #point=7 chooses the seventh.
const asked = Number(new URLSearchParams(location.hash.slice(1)).get('point'));
if (asked >= 1) choose(asked - 1);
followTheme(document.getElementById('theme'), () => {});
