#!/usr/bin/env bash
# Fuzzes every target, ten minutes each or as many seconds as the first argument says; `make fuzz` calls it. The corpus
# begins with the specs of tests/golden and grows outside of the repository, what crashed beside it. Fails where a target
# does.
set -euo pipefail
cd "$(dirname "$0")/../.."

seconds=${1:-600}
home=${VMBUILD_FUZZ_HOME:-${XDG_CACHE_HOME:-$HOME/.cache}/vmbuild-fuzz}
if ! cargo fuzz --version >/dev/null 2>&1; then
    cargo install --locked --quiet cargo-fuzz
fi

mkdir -p "$home"/{corpus,artifacts}/{spec,custom_xml,whole,image,journal}
for spec in tests/golden/*/spec.json tests/golden/*/templates/*.json; do
    name=$(basename "$(dirname "$spec")")-$(basename "$spec")
    cp "$spec" "$home/corpus/spec/$name"
    cp "$spec" "$home/corpus/whole/$name"
done
for domain in tests/golden/*/domain.xml; do
    cp "$domain" "$home/corpus/custom_xml/$(basename "$(dirname "$domain")").xml"
done
# Images of every format, as long as their headers are.
if command -v qemu-img >/dev/null; then
    folder=$(mktemp -d)
    for format in qcow qcow2 qed vmdk vdi vpc vhdx parallels; do
        qemu-img create -q -f "$format" "$folder/$format" 64M
        head -c 400000 "$folder/$format" >"$home/corpus/image/$format"
    done
    (cd "$folder" && qemu-img create -q -f qcow2 -b qcow2 -F qcow2 over)
    head -c 400000 "$folder/over" >"$home/corpus/image/over"
    rm -r "$folder"
fi
# A journal of two lines; its words are those of the dictionary.
printf '%s\n' '{"v":1,"seq":0,"at":1,"opened":{"id":"a","program":"","uid":0,"pid":1,"host":{"uri":null},"plan":{"name":"a","steps":[]},"spec":{}}}' \
    '{"v":1,"seq":1,"at":2,"event":{"event":"progress","step":1,"done":1,"total":2}}' >"$home/corpus/journal/two"
# Words of the formats, which a fuzzer would guess slowly.
words=$home/words
grep -oEh "\"[a-z_]+\"" tests/golden/*/spec.json | sort -u >"$words"
grep -oEh "[a-zA-Z:]+='" tests/golden/*/domain.xml | sort -u | sed 's/.*/"&"/' >>"$words"
printf '"%s"\n' 'QFI\xfb' 'QED\x00' KDMV COWD conectix vhdxfile regi metadata head HdrS CD001 BEA01 NSR02 \
    '\x7fELF' 'PE\x00\x00' '# Disk DescriptorFile' 'RW 1 SPARSE ' parentCID= parentFileNameHint= >>"$words"
printf '"%s"\n' "xmlns:v='urn:vmbuild:domain:1'" "v:op='remove'" "v:op='replace'" "<devices>" "</devices>" >>"$words"

# Coverage needs no sanitizer, and so no nightly compiler: the code under test has no unsafe part.
status=0
for target in spec custom_xml whole image journal; do
    longest=16384
    [ "$target" != image ] || longest=400000
    RUSTC_BOOTSTRAP=1 cargo fuzz run --fuzz-dir tests/fuzz --sanitizer none \
        ${CARGO_TARGET_DIR:+--target-dir "$CARGO_TARGET_DIR/fuzz"} "$target" "$home/corpus/$target" -- \
        -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 -max_len="$longest" -dict="$words" \
        -artifact_prefix="$home/artifacts/$target/" -print_final_stats=1 || status=1
done
exit $status
