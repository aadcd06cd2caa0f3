//go:build linux && !amd64 && !arm64

package wall

const arch uint32 = 0 // nobody has tried the filter
