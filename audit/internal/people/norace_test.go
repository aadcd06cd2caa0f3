//go:build !race

package people_test

const race = false
