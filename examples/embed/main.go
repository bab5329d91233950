// Embed runs two hosts in one process, joined by a cable in memory: an HTTP server of the standard library on one, its
// client on the other. Nothing of it touches the machine's network, and it needs no privileges.
package main

import (
	"fmt"
	"io"
	"log"
	"net/http"
	"net/netip"

	"tapestry/link"
	"tapestry/link/pipe"
	"tapestry/stack"
)

func main() {
	body, err := fetch()
	if err != nil {
		log.Fatal(err)
	}
	fmt.Print(body)
}

// fetch brings both hosts up, gets one page and takes them down again.
func fetch() (string, error) {
	left, right := pipe.New(pipe.Config{Offload: pipe.AllOffloads})
	alpha, err := host("alpha", left, "198.51.100.2/24")
	if err != nil {
		return "", err
	}
	defer alpha.Close()
	beta, err := host("beta", right, "198.51.100.3/24")
	if err != nil {
		return "", err
	}
	defer beta.Close()

	l, err := alpha.Listen("tcp", "198.51.100.2:80")
	if err != nil {
		return "", err
	}
	defer l.Close()
	go http.Serve(l, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "alpha greets %s\n", r.RemoteAddr)
	}))

	client := &http.Client{Transport: &http.Transport{DialContext: beta.DialContext}}
	defer client.CloseIdleConnections()
	response, err := client.Get("http://198.51.100.2/")
	if err != nil {
		return "", err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	return string(body), err
}

// host makes a host with one interface on dev.
func host(name string, dev link.Device, address string) (*stack.Host, error) {
	h, err := stack.New(stack.Config{Name: name})
	if err != nil {
		return nil, err
	}
	c := stack.InterfaceConfig{Addresses: []netip.Prefix{netip.MustParsePrefix(address)}}
	if _, err := h.AddInterface(dev, c); err != nil {
		h.Close()
		return nil, err
	}
	return h, nil
}
