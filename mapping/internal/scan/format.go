package scan

import (
	"bytes"
	"strings"
	"time"
)

// Format is a form that text is held to. The zero Format is none.
type Format uint8

// The formats.
const (
	Date     Format = 1 + iota // 2006-01-02, from the year 1 on
	DateTime                   // RFC 3339 with upper-case T and Z, at most nine digits of a second, no leap second
	Email                      // RFC 5321 with a dot-string and a domain name, in ASCII
	UUID                       // RFC 9562
)

// Formats are their names, in their order.
var Formats = [...]string{"", "date", "date-time", "email", "uuid"}

// String is the name that schemas use.
func (f Format) String() string { return Formats[f] }

// Length is of the longest text in a format, in characters.
func (f Format) Length() int { return [...]int{0, 10, 35, 254, 36}[f] }

// Shortest is of the shortest text in a format.
func (f Format) Shortest() int { return [...]int{0, 10, 20, 3, 36}[f] }

// Holds says whether text is in the format.
func (f Format) Holds(text []byte) bool {
	ok := false
	switch f {
	case Date:
		_, ok = ReadDate(text)
	case DateTime:
		_, ok = ReadTime(text)
	case Email:
		_, ok = Domain(text)
	case UUID:
		ok = uuid(text)
	}
	return ok
}

// ReadDate is midnight UTC of a date.
func ReadDate(text []byte) (time.Time, bool) {
	if len(text) != 10 || text[4] != '-' || text[7] != '-' {
		return time.Time{}, false
	}
	year, ok1 := count(text[:4])
	month, ok2 := count(text[5:7])
	day, ok3 := count(text[8:])
	t := time.Date(year, time.Month(month), day, 0, 0, 0, 0, time.UTC)
	return t, ok1 && ok2 && ok3 && year > 0 && t.Day() == day && t.Month() == time.Month(month)
}

// ReadTime reads RFC 3339, and stricter than package time. -00:00 is UTC. The instant is in
// the years 1 to 9999 of UTC too.
func ReadTime(text []byte) (time.Time, bool) {
	if len(text) < len("2006-01-02T15:04:05Z") || text[10] != 'T' || text[13] != ':' || text[16] != ':' {
		return time.Time{}, false
	}
	day, ok := ReadDate(text[:10])
	hour, ok1 := count(text[11:13])
	minute, ok2 := count(text[14:16])
	second, ok3 := count(text[17:19])
	if !ok || !ok1 || !ok2 || !ok3 || hour > 23 || minute > 59 || second > 59 {
		return time.Time{}, false
	}
	nanos, rest, ok4 := fraction(text[19:])
	offset, ok5 := zone(rest)
	t := day.Add(time.Duration(hour)*time.Hour + time.Duration(minute)*time.Minute + time.Duration(second)*time.Second + nanos - offset)
	return t, ok4 && ok5 && t.Year() > 0 && t.Year() < 10000
}

// fraction reads the digits of a second, if there are any.
func fraction(text []byte) (nanos time.Duration, rest []byte, ok bool) {
	if text[0] != '.' {
		return 0, text, true
	}
	unit := time.Second
	at := 1
	for ; at < len(text) && digit(text[at]); at++ {
		unit /= 10
		nanos += unit * time.Duration(text[at]-'0')
	}
	return nanos, text[at:], at > 1 && at <= 10
}

// zone reads Z or an offset.
func zone(text []byte) (time.Duration, bool) {
	if string(text) == "Z" {
		return 0, true
	}
	if len(text) != 6 || text[3] != ':' || text[0] != '+' && text[0] != '-' {
		return 0, false
	}
	hours, ok1 := count(text[1:3])
	minutes, ok2 := count(text[4:])
	offset := time.Duration(hours)*time.Hour + time.Duration(minutes)*time.Minute
	if text[0] == '-' {
		offset = -offset
	}
	return offset, ok1 && ok2 && hours < 24 && minutes < 60
}

// count reads digits.
func count(text []byte) (n int, ok bool) {
	for _, c := range text {
		if !digit(c) {
			return 0, false
		}
		n = 10*n + int(c-'0')
	}
	return n, true
}

// Domain is what stands behind the @ of an address; false: it is none.
func Domain(address []byte) ([]byte, bool) {
	local, domain, ok := bytes.Cut(address, []byte("@"))
	if !ok || len(address) > 254 || len(local) > 64 {
		return nil, false
	}
	if !dotted(local, 64, func(c byte) bool { return alphanumeric(c) || strings.IndexByte(atext, c) >= 0 }) ||
		!dotted(domain, 63, func(c byte) bool { return alphanumeric(c) || c == '-' }) || hyphen(domain) {
		return nil, false
	}
	return domain, true
}

const atext = "!#$%&'*+-/=?^_`{|}~"

func alphanumeric(c byte) bool { return digit(c) || c|0x20 >= 'a' && c|0x20 <= 'z' }

// dotted says whether text is parts of so many bytes, with a point between them.
func dotted(text []byte, most int, part func(byte) bool) bool {
	size := 0
	for _, c := range text {
		switch {
		case c == '.' && size > 0:
			size = 0
		case c == '.' || !part(c) || size == most:
			return false
		default:
			size++
		}
	}
	return size > 0
}

// hyphen says whether a label begins or ends with one.
func hyphen(domain []byte) bool {
	return domain[0] == '-' || domain[len(domain)-1] == '-' || bytes.Contains(domain, []byte(".-")) || bytes.Contains(domain, []byte("-."))
}

func uuid(text []byte) bool {
	if len(text) != 36 {
		return false
	}
	for i, c := range text {
		dash := i == 8 || i == 13 || i == 18 || i == 23
		if dash != (c == '-') || !dash && !digit(c) && (c|0x20 < 'a' || c|0x20 > 'f') {
			return false
		}
	}
	return true
}
