package lab

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"os"
	"sync"
	"time"

	"tapestry/apps"
)

// validity is how long a lab's certificates are good for: a lab makes new ones each time.
const validity = 90 * 24 * time.Hour

// authority signs the certificates of one run of a lab. Its key never leaves memory.
type authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	file string
}

// newAuthority makes an authority and writes its certificate to file, if that is given.
func newAuthority(lab, file string) (*authority, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("lab: authority: %w", err)
	}
	t := template("Tapestry lab " + lab)
	t.IsCA, t.BasicConstraintsValid, t.KeyUsage = true, true, x509.KeyUsageCertSign|x509.KeyUsageCRLSign
	der, err := x509.CreateCertificate(rand.Reader, t, t, &key.PublicKey, key)
	if err != nil {
		return nil, fmt.Errorf("lab: authority: %w", err)
	}
	a := &authority{key: key, file: file}
	if a.cert, err = x509.ParseCertificate(der); err != nil {
		return nil, fmt.Errorf("lab: authority: %w", err)
	}
	if file == "" {
		return a, nil
	}
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	if err := os.WriteFile(file, text, 0o600); err != nil {
		return nil, fmt.Errorf("lab: authority: %w", err)
	}
	return a, nil
}

func template(name string) *x509.Certificate {
	serial := make([]byte, 16)
	rand.Read(serial)
	serial[0] &= 0x7f // positive (RFC 5280 §4.1.2.2)
	return &x509.Certificate{
		SerialNumber: new(big.Int).SetBytes(serial),
		Subject:      pkix.Name{CommonName: name},
		NotBefore:    time.Now().Add(-time.Hour),
		NotAfter:     time.Now().Add(validity),
	}
}

func (a *authority) remove() error {
	if a.file == "" {
		return nil
	}
	if err := os.Remove(a.file); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("lab: authority: %w", err)
	}
	return nil
}

// certificates gives the function that makes the host's certificate when it is first asked for.
func (a *authority) certificates(h *HostPlan, domain string) func() (apps.Certificate, error) {
	return sync.OnceValues(func() (apps.Certificate, error) { return a.sign(h, domain) })
}

// sign makes a certificate for the host's names and addresses.
func (a *authority) sign(h *HostPlan, domain string) (apps.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return apps.Certificate{}, fmt.Errorf("lab: certificate of %s: %w", h.Name, err)
	}
	t := template(h.Name + "." + domain)
	t.KeyUsage, t.ExtKeyUsage = x509.KeyUsageDigitalSignature, []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
	t.DNSNames = []string{h.Name + "." + domain, h.Name}
	for _, p := range h.Addresses() {
		t.IPAddresses = append(t.IPAddresses, p.Addr().AsSlice())
	}
	der, err := x509.CreateCertificate(rand.Reader, t, a.cert, &key.PublicKey, a.key)
	if err != nil {
		return apps.Certificate{}, fmt.Errorf("lab: certificate of %s: %w", h.Name, err)
	}
	pair := tls.Certificate{Certificate: [][]byte{der, a.cert.Raw}, PrivateKey: key}
	return apps.Certificate{Certificate: pair, CAFile: a.file}, nil
}
