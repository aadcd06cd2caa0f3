package scan

import (
	"bytes"
	"strings"
	"time"
	"unicode/utf8"
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
		_, ok = readDay(text)
	case DateTime:
		_, ok = readMoment(text)
	case Email:
		_, ok = Domain(text)
	case UUID:
		ok = uuid(text)
	}
	return ok
}

// ReadDate is midnight UTC of a date.
func ReadDate(text []byte) (time.Time, bool) {
	d, ok := readDay(text)
	return time.Date(d.year, time.Month(d.month), d.day, 0, 0, 0, 0, time.UTC), ok
}

// ReadTime reads RFC 3339, and stricter than package time. -00:00 is UTC. The instant is in
// the years 1 to 9999 of UTC too.
func ReadTime(text []byte) (time.Time, bool) {
	m, ok := readMoment(text)
	return m.time(), ok
}

type day struct{ year, month, day int }

func readDay(text []byte) (day, bool) {
	if len(text) != 10 || text[4] != '-' || text[7] != '-' {
		return day{}, false
	}
	year, ok1 := count(text[:4])
	month, ok2 := count(text[5:7])
	d, ok3 := count(text[8:])
	if !ok1 || !ok2 || !ok3 || year < 1 || month < 1 || month > 12 || d < 1 || d > days(year, month) {
		return day{}, false
	}
	return day{year, month, d}, true
}

// days are those of a month.
func days(year, month int) int {
	switch month {
	case 4, 6, 9, 11:
		return 30
	case 2:
		if year%4 == 0 && (year%100 != 0 || year%400 == 0) {
			return 29
		}
		return 28
	}
	return 31
}

type moment struct {
	day
	hour, minute, second int
	nanos, offset        time.Duration
}

func (m moment) time() time.Time {
	return time.Date(m.year, time.Month(m.month), m.day.day, m.hour, m.minute, m.second, int(m.nanos), time.UTC).Add(-m.offset)
}

func readMoment(text []byte) (m moment, ok bool) {
	if len(text) < len("2006-01-02T15:04:05Z") || text[10] != 'T' || text[13] != ':' || text[16] != ':' {
		return moment{}, false
	}
	var ok1, ok2, ok3, ok4, ok5 bool
	m.day, ok = readDay(text[:10])
	m.hour, ok1 = count(text[11:13])
	m.minute, ok2 = count(text[14:16])
	m.second, ok3 = count(text[17:19])
	if !ok || !ok1 || !ok2 || !ok3 || m.hour > 23 || m.minute > 59 || m.second > 59 {
		return moment{}, false
	}
	var rest []byte
	m.nanos, rest, ok4 = fraction(text[19:])
	m.offset, ok5 = zone(rest)
	return m, ok4 && ok5 && (m.year > 1 && m.year < 9999 || m.utc())
}

// utc says whether it is in the years 1 to 9999 in UTC too.
func (m moment) utc() bool {
	year := m.time().Year()
	return year > 0 && year < 10000
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
	if !ok || len(address) > 254 || len(local) > 64 || !dotted(local, 64, inLocal) || !dotted(domain, 63, inDomain) || hyphen(domain) {
		return nil, false
	}
	return domain, true
}

// What a byte of an address can be a part of.
const (
	inLocal = 1 << iota
	inDomain
)

var addressed = func() (parts [256]uint8) {
	for c := range byte(utf8.RuneSelf) {
		alphanumeric := digit(c) || c|0x20 >= 'a' && c|0x20 <= 'z'
		if alphanumeric || strings.IndexByte("!#$%&'*+-/=?^_`{|}~", c) >= 0 {
			parts[c] |= inLocal
		}
		if alphanumeric || c == '-' {
			parts[c] |= inDomain
		}
	}
	return parts
}()

// dotted says whether text is parts of so many bytes, with a point between them.
func dotted(text []byte, most int, in uint8) bool {
	size := 0
	for _, c := range text {
		switch {
		case addressed[c]&in != 0 && size < most:
			size++
		case c == '.' && size > 0:
			size = 0
		default:
			return false
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
