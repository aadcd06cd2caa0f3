// Package peers holds this library against software and test vectors that others
// wrote. It has tests only.
//
//	./install.sh
//	GOWORK=off CARNET_PEERS=require go test ./...
//
// Where a peer is not installed, its test says so and is skipped; with
// CARNET_PEERS=require it fails. Vectors come with the module, so their tests
// always run.
package peers
