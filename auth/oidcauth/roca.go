package oidcauth

import "math/big"

// roca says whether an RSA modulus looks as if it was made by the flawed generator
// of CVE-2017-15361, whose keys are factored from the public half: modulo each small
// prime it is a power of 65537 (Nemec and others, "The Return of Coppersmith's
// Attack", section 2.3). Of honest keys, not one in ten million looks so.
func roca(n *big.Int) bool {
	for prime := int64(3); prime <= 167; prime += 2 {
		p := big.NewInt(prime)
		if p.ProbablyPrime(0) && !power(new(big.Int).Mod(n, p).Int64(), prime) {
			return false
		}
	}
	return true
}

// power says whether r is a power of 65537 modulo p.
func power(r, p int64) bool {
	for x := int64(1); ; {
		if x == r {
			return true
		}
		if x = x * 65537 % p; x == 1 {
			return false
		}
	}
}
