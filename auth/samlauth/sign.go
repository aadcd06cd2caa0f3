package samlauth

import (
	"crypto"
	"crypto/ecdsa"
	"encoding/asn1"
	"io"
	"math/big"

	"github.com/beevik/etree"
	"github.com/carnet-go/carnet/auth"
	"github.com/carnet-go/carnet/auth/internal/pemkey"
	dsig "github.com/russellhaering/goxmldsig"
)

// sign puts an enveloped signature behind the issuer, where the schema wants it.
func (k key) sign(assertion *etree.Element) error {
	signer, method := k.signer, dsig.RSASHA256SignatureMethod
	if public, ok := signer.Public().(*ecdsa.PublicKey); ok {
		signer, method = pair{signer, (public.Curve.Params().BitSize + 7) / 8}, dsig.ECDSASHA256SignatureMethod
	}
	signing, err := dsig.NewSigningContext(signer, [][]byte{k.certificate})
	if err != nil {
		return auth.ErrInvalid
	}
	signing.Canonicalizer = dsig.MakeC14N10ExclusiveCanonicalizerWithPrefixList("")
	if signing.SetSignatureMethod(method) != nil {
		return auth.ErrInvalid
	}
	signature, err := signing.ConstructSignature(assertion, true)
	if err != nil {
		return pemkey.Unsigned(err)
	}
	assertion.InsertChildAt(1, signature)
	return nil
}

// pair signs with ECDSA as XML has it: r and s, each as long as the curve's numbers
// (XML Signature 1.1, section 6.4.3), where crypto.Signer yields ASN.1.
type pair struct {
	crypto.Signer
	size int
}

// Sign implements crypto.Signer.
func (p pair) Sign(random io.Reader, digest []byte, o crypto.SignerOpts) ([]byte, error) {
	der, err := p.Signer.Sign(random, digest, o)
	if err != nil {
		return nil, err
	}
	var numbers struct{ R, S *big.Int }
	rest, err := asn1.Unmarshal(der, &numbers)
	if err != nil || len(rest) > 0 || max(numbers.R.BitLen(), numbers.S.BitLen()) > 8*p.size {
		return nil, auth.ErrInvalid
	}
	signature := make([]byte, 2*p.size)
	numbers.R.FillBytes(signature[:p.size])
	numbers.S.FillBytes(signature[p.size:])
	return signature, nil
}
