module github.com/carnet-go/carnet/examples/peers

go 1.26.4

require (
	filippo.io/torchwood v0.9.0
	github.com/c2sp/wycheproof v0.0.0-20260902155932-3fa63dd0344a
	github.com/carnet-go/carnet v0.0.0
	golang.org/x/mod v0.42.0
)

require (
	github.com/coreos/go-oidc/v3 v3.21.0 // indirect
	github.com/go-jose/go-jose/v4 v4.1.8 // indirect
	github.com/tailscale/hujson v0.0.0-20260727124030-b80ff77dac4f // indirect
	golang.org/x/crypto v0.46.0 // indirect
	golang.org/x/oauth2 v0.36.0 // indirect
	golang.org/x/sync v0.19.0 // indirect
)

replace github.com/carnet-go/carnet => ../..
