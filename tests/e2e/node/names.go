package main

import (
	"net"
	"strings"

	"golang.org/x/net/dns/dnsmessage"
)

// serveNames answers for Services, as the cluster's DNS would: lookup gives the addresses of `service.namespace`.
func serveNames(lookup func(service, namespace string) ([]string, bool)) (net.PacketConn, error) {
	socket, err := net.ListenPacket("udp", gateway+":53")
	if err != nil {
		return nil, err
	}
	go func() {
		buffer := make([]byte, 4096)
		for {
			size, from, err := socket.ReadFrom(buffer)
			if err != nil {
				return
			}
			var asked dnsmessage.Message
			if asked.Unpack(buffer[:size]) != nil || len(asked.Questions) != 1 {
				continue
			}
			answer, err := answerTo(asked, lookup)
			if err == nil {
				socket.WriteTo(answer, from)
			}
		}
	}()
	return socket, nil
}

func answerTo(asked dnsmessage.Message, lookup func(service, namespace string) ([]string, bool)) ([]byte, error) {
	question := asked.Questions[0]
	answer := dnsmessage.Message{
		Header:    dnsmessage.Header{ID: asked.ID, Response: true, Authoritative: true, RecursionAvailable: true},
		Questions: asked.Questions,
	}
	name := strings.TrimSuffix(strings.TrimSuffix(question.Name.String(), "."), ".cluster.local")
	parts := strings.Split(name, ".")
	if len(parts) != 3 || parts[2] != "svc" {
		answer.RCode = dnsmessage.RCodeNameError
		return answer.Pack()
	}
	addresses, known := lookup(parts[0], parts[1])
	if !known {
		answer.RCode = dnsmessage.RCodeNameError
	}
	if question.Type == dnsmessage.TypeA {
		for _, address := range addresses {
			answer.Answers = append(answer.Answers, dnsmessage.Resource{
				Header: dnsmessage.ResourceHeader{Name: question.Name, Class: dnsmessage.ClassINET, TTL: 1},
				Body:   &dnsmessage.AResource{A: [4]byte(net.ParseIP(address).To4())},
			})
		}
	}
	return answer.Pack()
}
