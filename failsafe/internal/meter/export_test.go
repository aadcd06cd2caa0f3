package meter

// Bar is what To chooses on a terminal, and Terminal how it knows one.
var (
	Bar      = bar
	Terminal = terminal
)
