package seal

import "crypto/sha256"

// Frame is a sealed frame, and where it stands.
type Frame struct {
	Run          string
	Sequence     uint64
	Before       [32]byte
	Last, Answer bool
	Sealed       []byte
}

func (f *Frame) place() Place {
	return Place{Run: f.Run, Sequence: f.Sequence, Before: f.Before, Last: f.Last, Answer: f.Answer}
}

// hash is what the next frame says of this one.
func (f *Frame) hash() [32]byte {
	p := f.place()
	h := sha256.New()
	h.Write(p.bytes())
	h.Write(f.Sealed)
	return [32]byte(h.Sum(nil))
}

// Chain is the end of a run's frames. One goroutine at a time has it.
type Chain struct {
	Run      string
	Sequence uint64   // of the newest frame; zero: there is none
	Before   [32]byte // its hash
	frames   *Frames  // made by the first who needs it
}

func (c *Chain) sealer(s *Sealer) (*Frames, error) {
	if c.frames != nil {
		return c.frames, nil
	}
	var err error
	c.frames, err = s.Of(c.Run)
	return c.frames, err
}

// Next seals a frame for the next place. It has that place once it is followed.
func (c *Chain) Next(s *Sealer, plain []byte, last, answer bool) (Frame, error) {
	frames, err := c.sealer(s)
	if err != nil {
		return Frame{}, err
	}
	f := Frame{Run: c.Run, Sequence: c.Sequence + 1, Before: c.Before, Last: last, Answer: answer}
	f.Sealed = frames.Seal(f.place(), plain)
	return f, nil
}

// Follow moves on to a frame that is durable.
func (c *Chain) Follow(f *Frame) {
	c.Sequence, c.Before = f.Sequence, f.hash()
	if f.Last {
		c.frames = nil
	}
}

// Open reads the next frame, and moves on to it: it must stand behind the one before, or
// be the last, of a run whose other frames have gone. What now does not open, previous may;
// nil: there is none.
func (c *Chain) Open(f *Frame, now, previous *Sealer) (plain []byte, err error) {
	whole := f.Sequence == c.Sequence+1 && f.Before == c.Before
	if !whole && !(f.Last && c.Sequence == 0) {
		return nil, ErrForged
	}
	frames, err := c.sealer(now)
	if err != nil {
		return nil, err
	}
	plain, err = frames.Open(f.place(), f.Sealed)
	if err != nil && previous != nil {
		if frames, err = previous.Of(f.Run); err == nil {
			plain, err = frames.Open(f.place(), f.Sealed)
		}
	}
	if err == nil {
		c.Follow(f)
	}
	return plain, err
}
