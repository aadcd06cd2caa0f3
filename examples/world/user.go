package world

import (
	"crypto/hmac"
	"crypto/sha1"
	"crypto/subtle"
	"encoding/binary"
	"fmt"
	"time"
)

// The levels of the provider's acr, as the boundary's levels name them.
const (
	acrPassword = "pwd"
	acrMFA      = "mfa"
)

// user of the provider. Its subject never changes; its name might.
type user struct {
	subject, password string
	seed              string // of one-time passwords; empty: has no second factor
}

func newUsers(secrets *ledger) map[string]user {
	return map[string]user{
		"alice":   {subject: "u-alice", password: secrets.random(), seed: secrets.random()},
		"mallory": {subject: "u-mallory", password: secrets.random()},
		"beatrix": {subject: "u-beatrix", password: secrets.random(), seed: secrets.random()},
		"carol":   {subject: "u-carol", password: secrets.random(), seed: secrets.random()},
	}
}

// login checks what was typed into the form: acr and amr of what it proves.
func (u user) login(password, otp string, now time.Time) (acr string, amr []string, ok bool) {
	if !same(u.password, password) {
		return "", nil, false
	}
	if otp == "" {
		return acrPassword, []string{"pwd"}, true
	}
	if u.seed == "" || !same(u.otp(now), otp) && !same(u.otp(now.Add(-period)), otp) {
		return "", nil, false
	}
	return acrMFA, []string{"pwd", "otp", "mfa"}, true
}

// same is false for what is empty: nobody has an empty password.
func same(want, got string) bool {
	return want != "" && subtle.ConstantTimeCompare([]byte(want), []byte(got)) == 1
}

const period = 30 * time.Second

// otp is the time-based one-time password of RFC 6238, with six digits.
func (u user) otp(now time.Time) string {
	mac := hmac.New(sha1.New, []byte(u.seed))
	var counter [8]byte
	binary.BigEndian.PutUint64(counter[:], uint64(now.Unix()/int64(period/time.Second)))
	mac.Write(counter[:])
	sum := mac.Sum(nil)
	code := binary.BigEndian.Uint32(sum[sum[len(sum)-1]&0xf:]) & 0x7fffffff
	return fmt.Sprintf("%06d", code%1_000_000)
}
