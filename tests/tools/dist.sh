# The tarball of make dist: unpacked elsewhere, with the system's copies of its libraries hidden, the demo and tests run from it.
. "${STORM_ROOT:?}/tests/shell.sh"
[ -e "$here/Makefile" ] || { skip "the tarball of make dist" "this is one"; done_testing; }
build=$(cd "$here" && realpath "${BUILD:-build}")
case ${BUILD:-build} in
  build/*) skip "the tarball of make dist" "sanitizers are not packed" && done_testing ;;
esac

packs() { BUILD=$build "$here/scripts/dist" >packed && cat packed; }
ok "make dist packs what was built" packs
tarball=$(sed -n 's/\.tar\.gz: .*/.tar.gz/p' packed)
mkdir elsewhere decoys naked
tar -xzf "$tarball" -C elsewhere
rm -f "$tarball"
root=$(echo "$work"/elsewhere/*)

# Each library that the build's own programs map has a broken namesake, which the loader meets before the system's.
for library in $(ldd "$build"/bin/train "$build"/bin/bleu | awk '$2 == "=>" { print $1 }' | grep -vE '^lib(c|m|dl|rt|pthread)\.so' | sort -u); do : >"decoys/$library"; done
away=(env -u STORM_ROOT -u BUILD LD_LIBRARY_PATH="$work/decoys" PATH=/usr/bin:/bin)
cp "$root/bin/train" naked
hidden() { [ "$(ls decoys | wc -l)" -ge 5 ] && ! "${away[@]}" naked/train --version; }
ok "the system's copies are hidden" hidden

only_here() { # every library that any program maps lies here, or is the C library's
  local strangers
  strangers=$(find "$root/bin" "$root/build" -type f -executable -not -name '*.so*' -exec "${away[@]}" ldd {} + | awk '$2 == "=>" { print $3 }' | sort -u |
    grep -v "^$root/" | grep -vE '/lib(c|m|dl|rt|pthread|cublasLt)\.so\.[0-9]+$')
  [ -z "$strangers" ] || { echo "$strangers"; return 1; }
}
ok "the programs map its own libraries and the C library alone" only_here
ok "OpenBLAS, which embed opens by itself, is among them" test -s "$root/lib/storm/libopenblas.so.0"
licensed() { [ -s "$root/LICENSE" ] && [ "$(ls "$root/licences" | wc -l)" -ge 6 ] && grep -qi 'copyright' "$root"/licences/*openblas*; }
ok "the licences are in it" licensed
demo() { "${away[@]}" "$root/scripts/demo" --steps 40 --sentences 40 --dir "$work/demo" && [ -s demo/attention.html ]; }
ok "the demo runs from it" demo
tests() { (cd "$root" && "${away[@]}" tests/run stream text corpus) && [ ! -e "$root/ok.out" ]; }
ok "its tests run from it" tests
done_testing
