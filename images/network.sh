# Sourced by the RUN steps that use the network: mirrors, package indexes and extra certificates for the step alone.
#
# They come base64-encoded in the build argument FTP_PROXY. Docker has a few predefined proxy arguments which need no ARG
# and, alone of all build arguments, are kept out of layers, history and cache keys, so an address with a password in it
# stays secret and another mirror rebuilds nothing. (Debian, PyPI and crates.io are never asked over FTP.) What must be in
# a file lives in /dev/shm, which no layer holds.
#
#   apt_install PACKAGE…      from Debian's archive or the mirror, leaving no lists and logs
#   cargo_install ARGUMENT…   from crates.io or the mirror
#   pip                       finds its index by itself (PIP_INDEX_URL)
set -eu
GILFREE_APT_MIRROR='' GILFREE_CARGO_MIRROR='' GILFREE_PIP_INDEX='' GILFREE_CA=''
given=${FTP_PROXY:-}
unset FTP_PROXY ftp_proxy
[ -z "$given" ] || eval "$(printf %s "$given" | base64 -d)"
unset given

folder=$(mktemp -d -p /dev/shm)
trap 'rm -rf "$folder"' EXIT
bundle=/etc/ssl/certs/ca-certificates.crt
if [ -n "$GILFREE_CA" ]; then
  { cat "$bundle" 2>/dev/null || true; printf '%s\n' "$GILFREE_CA"; } >"$folder/ca.pem"
  bundle=$folder/ca.pem
  export SSL_CERT_FILE="$bundle" PIP_CERT="$bundle" CARGO_HTTP_CAINFO="$bundle"
fi
[ -z "$GILFREE_PIP_INDEX" ] || export PIP_INDEX_URL="$GILFREE_PIP_INDEX"

apt_install() {
  set -- "$@"
  options="-o Acquire::Retries=3"
  [ -z "$GILFREE_CA" ] || options="$options -o Acquire::https::CAInfo=$bundle"
  if [ -n "$GILFREE_APT_MIRROR" ]; then
    mkdir "$folder/sources"
    for file in /etc/apt/sources.list /etc/apt/sources.list.d/*; do
      [ -f "$file" ] || continue
      sed -E "s#https?://deb\.debian\.org/debian#${GILFREE_APT_MIRROR%/}#g" "$file" >"$folder/sources/${file##*/}"
    done
    chmod -R a+rX "$folder"
    options="$options -o Dir::Etc::SourceList=/dev/null -o Dir::Etc::SourceParts=$folder/sources"
  fi
  export DEBIAN_FRONTEND=noninteractive
  # shellcheck disable=SC2086
  apt-get $options update && apt-get $options install --yes --no-install-recommends "$@"
  rm -rf /var/lib/apt/lists/* /var/cache/apt/* /var/cache/debconf/*-old /var/cache/ldconfig/* /var/log/apt /var/log/*.log \
    /var/lib/dpkg/*-old "$folder/sources"
}

cargo_install() {
  if [ -n "$GILFREE_CARGO_MIRROR" ]; then
    set -- --config 'source.crates-io.replace-with="mirror"' --config "source.mirror.registry=\"$GILFREE_CARGO_MIRROR\"" "$@"
  fi
  cargo install --locked "$@"
}
