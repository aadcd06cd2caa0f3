package cursor

import (
	"errors"
	"slices"
)

// Reach is where lines are kept, and the highest class of what they tell.
type Reach struct {
	Jurisdictions []string
	Class         string
}

var (
	errZero      = errors.New("audit: a feed has no name or no sink, or a time below zero")
	errNowhere   = errors.New("audit: a feed or its log does not say where lines are kept: Jurisdictions is empty or no names")
	errElsewhere = errors.New("audit: a feed keeps lines where the log may not: its Jurisdictions are not within the log's")
	errClass     = errors.New("audit: a class is none of public, internal, confidential and restricted")
	errClearance = errors.New("audit: a feed's Clearance is below the Class of the log")
)

const anywhere = "*" // of a log: its lines may be kept in all jurisdictions

// Permit says why a feed may not have the lines of a log; nil: it may. What is not said
// is denied.
func (c *Config) Permit(log Reach) error {
	feed, level, clearance := c.Reach, levelOf(log.Class), levelOf(c.Reach.Class)
	switch {
	case !IsName(c.Name) || c.Deliver == nil || c.Within < 0 || c.MaxLag < 0:
		return errZero
	case !places(log.Jurisdictions) || !places(feed.Jurisdictions):
		return errNowhere
	case level < 0 || clearance < 0:
		return errClass
	case clearance < level:
		return errClearance
	case slices.Contains(log.Jurisdictions, anywhere):
		return nil
	}
	for _, j := range feed.Jurisdictions {
		if !slices.Contains(log.Jurisdictions, j) {
			return errElsewhere
		}
	}
	return nil
}

func places(list []string) bool {
	for _, j := range list {
		if j != anywhere && !IsName(j) {
			return false
		}
	}
	return len(list) > 0
}

func levelOf(class string) int {
	return slices.Index([]string{"public", "internal", "confidential", "restricted"}, class)
}

// IsName is [a-z0-9][a-z0-9._-]{0,63}.
func IsName(s string) bool {
	if s == "" || len(s) > 64 || s[0] == '.' || s[0] == '_' || s[0] == '-' {
		return false
	}
	for i := range len(s) {
		if b := s[i]; (b < 'a' || b > 'z') && (b < '0' || b > '9') && b != '.' && b != '_' && b != '-' {
			return false
		}
	}
	return true
}
