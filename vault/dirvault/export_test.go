package dirvault

// Swapped is what read asks last.
var Swapped = swapped
