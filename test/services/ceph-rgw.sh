#!/usr/bin/env bash
# A real S3 server for the tests: one monitor, one OSD that keeps all in memory, one RADOS gateway.
#
#   ceph-rgw.sh fetch PREFIX                    unpacks Ceph from Debian testing into PREFIX; installs nothing
#   ceph-rgw.sh serve PREFIX DIR S3PORT MONPORT serves on 127.0.0.1 until standard input ends; then DIR and all daemons are gone
#
# serve prints "ready" once the gateway answers. Its one user's keys come from S3_ACCESS_KEY and S3_SECRET_KEY.
set -eu
verb=${1:?fetch or serve} prefix=$(realpath -m -- "${2:?PREFIX}")

fail() { echo "ceph-rgw: $*" >&2; exit 1; }

# An apt of its own, with no packages installed: so all libraries come along, and this system is not touched.
fetch() {
  local suite=forky keyring=/usr/share/keyrings/debian-archive-keyring.gpg own mirror option packages package
  mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' | grep -v security | head -1)
  [ -n "$mirror" ] || fail 'apt-get knows no mirror'
  mkdir -p "$(dirname "$prefix")"
  own=$(mktemp -d "$prefix.fetch-XXXXXX")
  mkdir -p "$own"/etc/apt/{apt.conf.d,preferences.d,trusted.gpg.d,sources.list.d} "$own"/var/lib/{dpkg,apt/lists/partial} \
    "$own"/var/cache/apt/archives/partial "$own"/{debs,root}
  : >"$own/var/lib/dpkg/status"
  cp /etc/apt/apt.conf.d/*prox* "$own/etc/apt/apt.conf.d/" 2>/dev/null || true
  echo "deb [signed-by=$keyring] $mirror $suite main" >"$own/etc/apt/sources.list"
  option=(-qq -o "Dir=$own" -o "Dir::State::status=$own/var/lib/dpkg/status" -o APT::Install-Recommends=false
    -o APT::Sandbox::User= -o Acquire::Languages=none -o Acquire::Retries=3)
  apt-get "${option[@]}" update
  # Of all that the packages depend on, the daemons need only libraries.
  packages=$(apt-get "${option[@]}" -s install radosgw ceph-mon ceph-osd ceph-common | awk '/^Inst/ { print $2 }' |
    grep -E '^(lib|zlib1g$|ceph-|radosgw$)' | grep -vE '^(libpam|libperl|libpython|ceph-volume|librbd1|libcephfs|libbinutils|libcryptsetup)')
  [ -n "$packages" ] || fail "no packages in $suite"
  # shellcheck disable=SC2086
  (cd "$own/debs" && apt-get "${option[@]}" download $packages)
  for package in "$own"/debs/*.deb; do dpkg-deb -x "$package" "$own/root"; done
  rm -rf "$own"/root/{etc,var,usr/share,usr/include}
  # Whole or not there: the prefix gets its name last, from whoever is first.
  mv -T "$own/root" "$prefix" || [ -x "$prefix/usr/bin/radosgw" ]
  rm -rf "$own"
}

# Runs one of the programs with the loader and the libraries of the prefix.
ceph() {
  local program=$1
  shift
  exec "$loader" --library-path "$libraries:$libraries/ceph" --argv0 "$program" "$prefix/usr/bin/$program" -c "$dir/ceph.conf" "$@" </dev/null
}
once() { (ceph "$@") >>"$dir/make.log" 2>&1 || fail "$1 failed: $(tail -n 5 "$dir/make.log")"; }

configure() {
  # 'auth none' needs the plain 'crc' mode: the gateway's default, 'secure', then waits for ever.
  cat >"$dir/ceph.conf" <<CONF
[global]
fsid = $fsid
mon host = v2:127.0.0.1:$mon
public addr = 127.0.0.1
cluster addr = 127.0.0.1
ms bind msgr1 = false
ms bind ipv6 = false
ms mon client mode = crc
ms mon cluster mode = crc
ms mon service mode = crc
auth cluster required = none
auth service required = none
auth client required = none
keyring = $dir/keyring
plugin dir = $libraries/ceph
erasure code dir = $libraries/ceph/erasure-code
osd class dir = $libraries/rados-classes
run dir = $dir
crash dir = $dir
pid file =
admin socket =
log file = $dir/\$type.log
log to stderr = false
err to stderr = true
max open files = 0
[mon]
mon data = $dir/mon
mon initial members = a
mon allow pool size one = true
mon max pg per osd = 2000
mon data avail crit = 1
mon data avail warn = 2
mon osd crush smoke test = false
mon cluster log to file = false
paxos propose interval = 0.02
paxos min wait = 0.01
osd pool default size = 1
osd pool default min size = 1
osd pool default pg num = 4
osd pool default pgp num = 4
osd pool default pg autoscale mode = off
osd crush chooseleaf type = 0
[osd]
osd data = $dir/osd
osd objectstore = memstore
memstore device bytes = $((${CEPH_GIB:-8} << 30))
osd mclock skip benchmark = true
osd op queue = wpq
[client]
objecter tick interval = 0.25
rgw data = $dir/rgw
rgw frontends = beast endpoint=127.0.0.1:$port tcp_nodelay=1
rgw thread pool size = 64
rgw dns name = localhost
rgw run sync thread = false
rgw num control oids = 1
rgw gc max objs = 2
rgw lc max objs = 2
rgw override bucket index max shards = 1
rgw dynamic resharding = false
CONF
}

serve() {
  libraries=$(dirname "$(ls -d "$prefix"/usr/lib/*/ceph | head -1)") loader=$(ls "$libraries"/ld-linux-*.so.* | head -1)
  export OPENSSL_CONF=/dev/null OPENSSL_MODULES=$libraries/ossl-modules
  fsid=$(cat /proc/sys/kernel/random/uuid)
  mkdir -p "$dir"/{mon,osd,rgw}
  : >"$dir/keyring"
  configure
  # Nothing in memory outlives its process, so no daemon needs to be asked politely.
  trap 'exec 2>/dev/null; kill -KILL $(jobs -p) || true; wait; rm -rf "$dir"' EXIT
  trap 'exit 143' INT TERM HUP

  once ceph-osd --no-mon-config -i 0 --mkfs --osd-uuid "$fsid"
  once monmaptool --create --clobber --fsid "$fsid" --addv a "[v2:127.0.0.1:$mon]" "$dir/monmap"
  once osdmaptool --createsimple 1 --osd-pool-default-crush-rule -1 --clobber "$dir/osdmap"
  once ceph-mon -i a --mkfs --monmap "$dir/monmap" --osdmap "$dir/osdmap"
  ceph ceph-mon -f -i a >"$dir/mon.out" 2>&1 &
  ceph ceph-osd -f -i 0 >"$dir/osd.out" 2>&1 &
  once radosgw-admin user create --uid=tests --display-name=tests --access-key="$S3_ACCESS_KEY" --secret-key="$S3_SECRET_KEY"
  ceph radosgw -f -n client.rgw.a >"$dir/rgw.out" 2>&1 &
  local gateway=$!
  until (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; do
    kill -0 "$gateway" 2>/dev/null || fail "the gateway ended: $(tail -n 5 "$dir/rgw.out")"
    sleep 0.05
  done
  echo ready
  # Ends with whoever started it, however that ends.
  while read -r _; do :; done
}

case $verb in
  fetch) fetch ;;
  serve) dir=$(realpath -m -- "${3:?DIR}") port=${4:?S3PORT} mon=${5:?MONPORT} && serve ;;
  *) fail "unknown verb $verb" ;;
esac
