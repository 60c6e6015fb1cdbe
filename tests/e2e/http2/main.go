// Whether HTTP/2 to the API server would help: the same objects created over HTTP/1.1 and over HTTP/2, in turn.
//
//	http2 RUN NAMESPACE   RUN is the run directory of tests/e2e/up
package main

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"sync"
	"time"
)

const (
	rounds   = 7
	objects  = 1000
	inFlight = 64
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "http2:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	if len(args) != 2 {
		return errors.New("give a run directory and a namespace")
	}
	directory, namespace := args[0], args[1]
	kubeconfig, err := os.ReadFile(filepath.Join(directory, "admin.kubeconfig"))
	if err != nil {
		return err
	}
	server := regexp.MustCompile(`server: (\S+)`).FindSubmatch(kubeconfig)
	if server == nil {
		return errors.New("admin.kubeconfig names no server")
	}
	url := string(server[1]) + "/api/v1/namespaces/" + namespace + "/configmaps"
	clients := map[string]*http.Client{}
	for _, protocol := range []string{"HTTP/1.1", "HTTP/2"} {
		if clients[protocol], err = client(directory, protocol); err != nil {
			return err
		}
	}
	fmt.Println("| round | protocol | p50 ms | p99 ms | objects a second |\n| --- | --- | --- | --- | --- |")
	for round := range rounds {
		for _, protocol := range []string{"HTTP/1.1", "HTTP/2"} {
			took, latencies, err := create(clients[protocol], url, fmt.Sprintf("m%d-%d", round, len(protocol)), protocol)
			if err != nil {
				return err
			}
			slices.Sort(latencies)
			at := func(share float64) float64 {
				return float64(latencies[int(share*float64(len(latencies)-1))].Microseconds()) / 1000
			}
			fmt.Printf("| %d | %s | %.1f | %.1f | %.0f |\n", round, protocol, at(0.5), at(0.99), objects/took.Seconds())
		}
	}
	return nil
}

func client(directory, protocol string) (*http.Client, error) {
	authority, err := os.ReadFile(filepath.Join(directory, "ca.crt"))
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(authority)
	certificate, err := tls.LoadX509KeyPair(filepath.Join(directory, "admin.crt"), filepath.Join(directory, "admin.key"))
	if err != nil {
		return nil, err
	}
	protocols := new(http.Protocols)
	protocols.SetHTTP1(protocol == "HTTP/1.1")
	protocols.SetHTTP2(protocol == "HTTP/2")
	return &http.Client{Transport: &http.Transport{
		TLSClientConfig:     &tls.Config{RootCAs: pool, Certificates: []tls.Certificate{certificate}},
		Protocols:           protocols,
		MaxIdleConnsPerHost: inFlight,
	}}, nil
}

// create gives the time that all took, and each one's.
func create(client *http.Client, url, prefix, protocol string) (time.Duration, []time.Duration, error) {
	latencies := make([]time.Duration, objects)
	failures := make([]error, objects)
	next := make(chan int)
	var workers sync.WaitGroup
	start := time.Now()
	for range inFlight {
		workers.Go(func() {
			for i := range next {
				begin := time.Now()
				failures[i] = post(client, url, fmt.Sprintf("%s-%d", prefix, i), protocol)
				latencies[i] = time.Since(begin)
			}
		})
	}
	for i := range objects {
		next <- i
	}
	close(next)
	workers.Wait()
	return time.Since(start), latencies, errors.Join(failures...)
}

func post(client *http.Client, url, name, protocol string) error {
	body := fmt.Sprintf(`{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":%q},"data":{"spark.properties":%q}}`,
		name, bytes.Repeat([]byte("spark.key=value\n"), 100))
	response, err := client.Post(url, "application/json", bytes.NewReader([]byte(body)))
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if _, err := io.Copy(io.Discard, response.Body); err != nil {
		return err
	}
	if response.StatusCode != http.StatusCreated {
		return fmt.Errorf("%s: %s", name, response.Status)
	}
	if got := fmt.Sprintf("HTTP/%d", response.ProtoMajor); protocol[:6] != got {
		return fmt.Errorf("spoke %s in place of %s", got, protocol)
	}
	return nil
}
