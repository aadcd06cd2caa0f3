#!/bin/sh
# Installs the peers that these tests talk to, below .cache, and what runs them.
# What is there already is left alone. Debian only.
set -eu
cd "$(dirname "$0")"

provider=9.13.3

if ! command -v node >/dev/null || ! command -v npm >/dev/null; then
	apt-get update -q
	DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends nodejs npm
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
echo "peers: $dir"
