package isolate

// ErrPanic is what a reader that panics ends with.
var ErrPanic = errPanic

// Forget lets it forget that Main was called, and returns what lets it remember.
func Forget() func() {
	hasMain.Store(false)
	return func() { hasMain.Store(true) }
}

// Enough says whether a batch may begin behind these walls.
var Enough = enough
