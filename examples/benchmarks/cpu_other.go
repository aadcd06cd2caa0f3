//go:build !unix

package main

import "time"

// cpuTime is the time of everybody: there is no other clock here.
func cpuTime() time.Duration { return wallTime() }
