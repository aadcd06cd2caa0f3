//go:build race

package audit_test

// oneImageIn is how many of the images are opened: the race detector makes it too slow for all.
const oneImageIn = 16
