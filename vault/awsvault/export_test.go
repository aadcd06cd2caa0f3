package awsvault

// Flat is what makes fields of a text.
var Flat = flat
