#!/bin/sh
# Installs the peers that these tests talk to, below .cache, and what runs them.
# What is there already is left alone. Debian only.
set -eu
cd "$(dirname "$0")"

provider=9.13.3
torchwood=0.9.0

if ! command -v node >/dev/null || ! command -v npm >/dev/null; then
	apt-get update -q
	DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends nodejs npm
fi

# xmlsec1 and python3-onelogin-saml2 judge assertions.
if ! command -v xmlsec1 >/dev/null || ! /usr/bin/python3 -c 'import onelogin.saml2.auth' 2>/dev/null; then
	apt-get update -q
	DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends xmlsec1 python3-onelogin-saml2
fi

# A package of a server must not start one: where nothing says so yet, a policy does while
# it is installed.
policy=/usr/sbin/policy-rc.d
quietly() {
	if [ ! -e "$policy" ]; then
		trap 'rm -f "$policy"' EXIT
		trap 'exit 1' HUP INT TERM
		printf '#!/bin/sh\nexit 101\n' >"$policy"
		chmod 755 "$policy"
	fi
	apt-get update -q
	DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends "$@"
}

# slapd, a directory, which must not be configured either.
if [ ! -x /usr/sbin/slapd ]; then
	echo 'slapd slapd/no_configuration boolean true' | debconf-set-selections
	quietly slapd
fi

# rsyslog, a log server, with OpenSSL.
if ! ls /usr/lib/*/rsyslog/lmnsd_ossl.so >/dev/null 2>&1 || [ ! -x /usr/sbin/rsyslogd ]; then
	quietly rsyslog rsyslog-openssl
fi

# PostgreSQL, a database: its programs are what is used, each test has one of its own, and
# the package is not to make another.
if ! ls /usr/lib/postgresql/*/bin/postgres >/dev/null 2>&1; then
	settings=/etc/postgresql-common/createcluster.conf
	if [ ! -e "$settings" ]; then
		quietly postgresql-common
		sed -i 's/^#*create_main_cluster.*/create_main_cluster = false/' "$settings"
	fi
	quietly postgresql
fi

# oidc-provider, an OpenID-certified issuer. The folder's name has the version, and
# gets it only when everything is in it.
dir=.cache/oidc-provider-$provider
if [ ! -d "$dir" ]; then
	mkdir -p .cache
	rm -rf "$dir.partial"
	mkdir "$dir.partial"
	npm install --prefix "$dir.partial" --no-audit --no-fund --no-update-notifier --ignore-scripts "oidc-provider@$provider"
	mv "$dir.partial" "$dir"
fi

# litewitness, a witness that others run, of the version of torchwood that go.mod has.
lite=.cache/litewitness-$torchwood
if [ ! -d "$lite" ]; then
	mkdir -p .cache
	rm -rf "$lite.partial"
	mkdir "$lite.partial"
	GOFLAGS= GOWORK=off GOBIN=$PWD/$lite.partial go install "filippo.io/torchwood/cmd/litewitness@v$torchwood" "filippo.io/torchwood/cmd/witnessctl@v$torchwood"
	mv "$lite.partial" "$lite"
fi
echo "peers: $dir $lite"
