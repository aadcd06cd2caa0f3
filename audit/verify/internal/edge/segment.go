package edge

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"
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

// Segments are the first indices of those that are there, in order.
func Segments(log fs.FS) (list []int64, err error) {
	entries, err := fs.ReadDir(log, strings.TrimSuffix(SegmentFolder, "/"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	for _, e := range entries {
		if first, ok := SegmentFirst(SegmentFolder + e.Name()); ok && e.Type().IsRegular() {
			list = append(list, first)
		}
	}
	slices.Sort(list)
	return list, err
}
