//go:build !race

package audit_test

// oneImageIn is how many of the images are opened: all.
const oneImageIn = 1
