// Mappingonly: employees come in, and what an insurer may have of each goes out. Nothing
// of this library is used but package mapping: three files of three owners say what may
// cross, and that is proven before there is any data.
//
//	go run ./examples/mappingonly              # a sample, of which two are no employees
//	go run ./examples/mappingonly FILE         # NDJSON, or one JSON array; - is standard input
//	go run ./examples/mappingonly -strict FILE # until the first that is none
//	go run ./examples/mappingonly -report      # which field flows where, and what is dropped
//	go run ./examples/mappingonly -svg PICTURE # the same to look at
//
// Records go to standard output, one a line. Standard error is a quarantine list: number
// of the document from 0, its first byte in the input, code and field, between tabs, and
// nothing that stands in it. A document that its schema describes, and for which the
// mapping has no result, has - for its byte. The exit status is 0 if all went, 3 if some
// did not (go run makes 1 of it), and 1 if the input or the output ended early, such as in
// the middle of an array; what came before the end of the input is written. A last line that
// was cut is one that is no document: NDJSON does not say where it ends.
//
// A mapping that lets too much out does not compile. Whoever forgets the mask in
// employee-to-insured.jsonc,
//
//	"/ref": {"from": "/number"},
//
// is told where and why, and no document is read:
//
//	employee-to-insured.jsonc:5:22: M219 is confidential, above what the destination accepts at /set/~1ref/from
//	employee-to-insured.jsonc:5:22: M221 may be in eu, and the destination is in us at /set/~1ref/from
//	employee-to-insured.jsonc:5:22: M222 may be used for hr, and the destination serves insurance at /set/~1ref/from
//
// The month of birth instead of the year has a release of its own. It is refused all the
// same (M226), because the postcode goes there too: see combine in employee.jsonc.
package main

import (
	"bufio"
	"bytes"
	"context"
	_ "embed"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strconv"

	"github.com/carnet-go/carnet/mapping"
)

var (
	//go:embed employee.jsonc
	employee []byte
	//go:embed insured.jsonc
	insured []byte
	//go:embed employee-to-insured.jsonc
	employeeToInsured []byte
	//go:embed sample.ndjson
	sample []byte
)

var (
	errRejects = errors.New("some documents were rejected")
	errCut     = errors.New("the input is cut, or no array: what comes behind the last document of the list is not known")
)

// insurer is the far side as its contract says: where it is, what for, and how much it may know.
func insurer() mapping.Destination {
	return mapping.Destination{
		System: "insurer", Kind: "api", Jurisdictions: []string{"us"},
		Clearance: mapping.Clearance{Class: mapping.Internal, Purposes: []string{"insurance"}},
	}
}

// compile proves a mapping.
func compile(text []byte) (*mapping.Mapper, error) {
	src, err := mapping.ParseSchema(employee)
	if err != nil {
		return nil, within("employee.jsonc", err)
	}
	dst, err := mapping.ParseSchema(insured)
	if err != nil {
		return nil, within("insured.jsonc", err)
	}
	m, err := mapping.Compile(src, dst, text, insurer())
	return m, within("employee-to-insured.jsonc", err)
}

// within says in which file findings are: who compiles bytes knows only their lines.
func within(file string, err error) error {
	found, ok := errors.AsType[mapping.Findings](err)
	if !ok {
		return err
	}
	for i := range found {
		found[i].File = file
	}
	return found
}

// cross maps all documents of a stream. It holds one of them, however long the stream is.
func cross(ctx context.Context, m *mapping.Mapper, in io.Reader, out, rejects io.Writer, strict bool) error {
	var record mapping.Record // and its memory, for all of them
	var line []byte
	var rejected error
	number := int64(-1)
	for document, err := range m.Source().Documents(ctx, in) {
		number++
		if err == nil {
			err = m.MapInto(ctx, document, nil, &record)
		}
		if err != nil {
			if rejected = quarantine(rejects, number, err); rejected != errRejects || strict {
				return rejected
			}
			continue
		}
		line = append(record.AppendBody(line[:0]), '\n')
		if _, err := out.Write(line); err != nil {
			return err
		}
	}
	return rejected
}

// quarantine lists a document. Whoever may see what stands in it finds it by its place.
func quarantine(list io.Writer, number int64, err error) error {
	wrong, ok := errors.AsType[*mapping.DataError](err)
	if !ok {
		return err // of the reader, of ctx, or a release has ended: no document is to blame
	}
	at, status := "-", errRejects
	if reject, ok := errors.AsType[*mapping.RejectError](err); ok {
		at = strconv.FormatInt(reject.Offset, 10)
		if reject.Last {
			status = errCut
		}
	}
	if _, err := fmt.Fprintf(list, "%d\t%s\t%s\t%s\n", number, at, wrong.Code, wrong.Path); err != nil {
		return err
	}
	return status
}

type settings struct {
	report, strict bool
	picture, file  string // empty: none, and the sample
}

// open is where documents come from.
func open(in io.Reader, file string) (io.ReadCloser, error) {
	switch file {
	case "":
		return io.NopCloser(bytes.NewReader(sample)), nil
	case "-":
		return io.NopCloser(in), nil
	}
	return os.Open(file)
}

func run(ctx context.Context, in io.Reader, out, rejects io.Writer, s settings) error {
	m, err := compile(employeeToInsured)
	if err != nil {
		return err
	}
	if s.report || s.picture != "" {
		return show(m, out, s)
	}
	from, err := open(in, s.file)
	if err != nil {
		return err
	}
	defer from.Close()
	buffered := bufio.NewWriter(out)
	err = cross(ctx, m, from, buffered, rejects, s.strict)
	if lost := buffered.Flush(); lost != nil {
		return lost // which is worse than rejects
	}
	return err
}

// show is for whoever has to approve: the mapping, without any data.
func show(m *mapping.Mapper, out io.Writer, s settings) (err error) {
	if s.report {
		_, err = io.WriteString(out, m.Report())
	}
	if s.picture != "" {
		err = errors.Join(err, os.WriteFile(s.picture, m.ReportSVG(), 0o644))
	}
	return err
}

func main() {
	var s settings
	flag.BoolVar(&s.report, "report", false, "print which field flows where, and read nothing")
	flag.StringVar(&s.picture, "svg", "", "write that as a picture to this file, and read nothing")
	flag.BoolVar(&s.strict, "strict", false, "end at the first document that is rejected")
	flag.Parse()
	if s.file = flag.Arg(0); flag.NArg() > 1 {
		flag.Usage()
		os.Exit(2)
	}
	os.Exit(status(os.Stderr, start(s)))
}

func start(s settings) error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	context.AfterFunc(ctx, stop) // a second interrupt ends a read that waits
	return run(ctx, os.Stdin, os.Stdout, os.Stderr, s)
}

// status tells a script rejects, which are in the list, from what ended the program.
func status(out io.Writer, err error) int {
	switch {
	case err == nil:
		return 0
	case errors.Is(err, errRejects):
		return 3
	}
	fmt.Fprintln(out, "mappingonly:", err)
	return 1
}
