package guard

import (
	"crypto/rand"
	"encoding/binary"
	"net/http"
	"strconv"
	"strings"
	"time"
)

const (
	firstWait   = 100 * time.Millisecond // before the second attempt, at most
	longestWait = 10 * time.Second       // before any attempt, unless the far side asks for more
	longestWish = 24 * time.Hour         // of a far side that is believed
)

// Delay is how long an error asks to wait, by FailureDelay() time.Duration: the longest
// wish of those that are joined, between 0 and a day.
func Delay(err error) (longest time.Duration) {
	walk(err, func(e error) bool {
		if asks, ok := e.(interface{ FailureDelay() time.Duration }); ok {
			longest = max(longest, quietly(asks.FailureDelay))
		}
		return true
	})
	return min(longest, longestWish)
}

// RetryAfter is the header's wish (RFC 9110, section 10.2.3) at the time now, between 0
// and a day: seconds or a date. What is neither, or in the past, is 0.
func RetryAfter(header string, now time.Time) time.Duration {
	header = strings.TrimSpace(header)
	if header != "" && strings.Trim(header, "0123456789") == "" {
		seconds, err := strconv.ParseInt(header, 10, 64)
		if err != nil || seconds > int64(longestWish/time.Second) {
			return longestWish // more than fits is more than is believed
		}
		return time.Duration(seconds) * time.Second
	}
	at, err := http.ParseTime(header)
	if err != nil {
		return 0
	}
	return min(max(0, at.Sub(now)), longestWish)
}

// Backoff is a wait before the attempt after n: anything up to a limit that doubles, from
// 100 ms to 10 s, so that those who failed together do not come again together.
func Backoff(n int) time.Duration {
	limit := longestWait
	if shift := max(0, n-1); shift < 10 {
		limit = min(limit, firstWait<<shift)
	}
	var b [8]byte
	_, _ = rand.Read(b[:]) // never fails
	return time.Duration(binary.NativeEndian.Uint64(b[:]) % uint64(limit+1))
}
