#!/bin/bash
# Builds one CPython from a source tarball: the only place with configure flags, for images and for local builds alike.
#
#   build.sh TARBALL PREFIX PROFILE [--disable-gil]
#
# PROFILE is `fast` (no PGO, no LTO: minutes) or `release` (both, as docker-library/python builds them: far longer).
# The two variants of a pair differ in the last word and in nothing else. STAGE, when set, is the folder to install
# below instead of / (as DESTDIR is to make). Works in the current folder, which is expected to be empty.
set -euo pipefail

tarball=$1 prefix=$2 profile=$3 variant=${4:-}
stage=${STAGE:-}
jobs=${JOBS:-$(nproc)}

case $profile in
fast) optimizations=() ;;
release) optimizations=(--enable-optimizations --with-lto) ;;
*) echo "build.sh: unknown profile '$profile': fast or release" >&2; exit 2 ;;
esac
case $variant in "" | --disable-gil) ;; *) echo "build.sh: unknown variant flag '$variant'" >&2; exit 2 ;; esac

echo "== unpack"
tar --extract --file "$tarball" --strip-components=1

# Given to make and not to configure, as docker-library does: extensions built later do not inherit these.
# Frame pointers let profilers walk the stack, in both variants alike.
cflags=-fno-omit-frame-pointer
case $(uname -m) in x86_64) cflags+=" -mno-omit-leaf-frame-pointer" ;; esac

echo "== configure"
./configure --prefix="$prefix" \
  --enable-shared --enable-loadable-sqlite-extensions --enable-option-checking=fatal --with-ensurepip=install \
  --disable-test-modules "${optimizations[@]}" ${variant:+"$variant"}

echo "== compile"
make -j "$jobs" EXTRA_CFLAGS="$cflags" LDFLAGS=-Wl,--strip-all
# Once more, so that it finds its library beside itself wherever it stands.
rm python
make -j "$jobs" EXTRA_CFLAGS="$cflags" LDFLAGS="-Wl,--strip-all,-rpath='\$\$ORIGIN/../lib'" python

echo "== install"
make install DESTDIR="$stage"

echo "== trim"
# No tests, no static library, no bytecode of the optimisation levels that nobody asked for.
find "$stage$prefix" -depth \
  \( -type d \( -name test -o -name tests -o -name idle_test \) \
  -o -type f \( -name 'libpython*.a' -o -name '*.opt-1.pyc' -o -name '*.opt-2.pyc' \) \) \
  -exec rm -rf '{}' +
echo "== done"
