// A node for the test control plane: it takes the Pods that the API server holds, runs each container as a process in a mount
// and a network namespace of its own, and reports back as a kubelet would.
//
//	node RUN SPARK   RUN is the run directory of tests/e2e/up, SPARK the directory with Spark's distributions by version
//
// It needs root, and leaves nothing behind when it ends. What a Pod asks for that it can't do is a failed Pod with the reason.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "node:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	if len(args) != 2 {
		return errors.New("give a run directory and a directory with Spark's distributions")
	}
	directory, err := filepath.Abs(args[0])
	if err != nil {
		return err
	}
	spark, err := filepath.Abs(args[1])
	if err != nil {
		return err
	}
	node, err := newNode(directory, spark)
	if err != nil {
		return err
	}
	defer node.close()
	return node.serve(ctx)
}
