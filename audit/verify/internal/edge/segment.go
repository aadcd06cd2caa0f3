package edge

import (
	"fmt"
	"strconv"
	"strings"
)

// SegmentFolder has the segments.
const SegmentFolder = "seg/"

const (
	segmentSuffix = ".jsonl"
	maxIndex      = 1 << 56 // more lines than eight levels of tiles can prove
)

// SegmentName is the file whose first line has an index.
func SegmentName(first int64) string {
	return fmt.Sprintf("%s%020d%s", SegmentFolder, first, segmentSuffix)
}

// SegmentFirst is the index in a segment's name; false: it is no such name.
func SegmentFirst(name string) (int64, bool) {
	digits := strings.TrimSuffix(strings.TrimPrefix(name, SegmentFolder), segmentSuffix)
	first, err := strconv.ParseInt(digits, 10, 64)
	return first, err == nil && first >= 0 && first < maxIndex && name == SegmentName(first)
}
