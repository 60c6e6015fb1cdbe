// Submitters of ours for the operator, by the entry points that its released versions don't have: they fill its own interface
// SparkApplicationSubmitter. ../build says how this file gets into the operator's package.

package sparkapplication

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/protobuf/types/known/wrapperspb"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/yaml"

	"github.com/kubeflow/spark-operator/v2/api/v1beta2"
	contract "github.com/kubeflow/spark-operator/v2/internal/nativesubmit"
)

// entryPointVariable is grpc:HOST:PORT or rest:URL; without it the operator runs spark-submit, as it was released.
const entryPointVariable = "NATIVE_SUBMIT_ENTRY_POINT"

// requestTimeout is the default of both clients that this stands for: one call of gRPC, one try of REST.
const requestTimeout = 10 * time.Second

// SubmitterByEntryPoint is what the operator submits with.
func SubmitterByEntryPoint() SparkApplicationSubmitter {
	entryPoint, address, _ := strings.Cut(os.Getenv(entryPointVariable), ":")
	switch entryPoint {
	case "":
		return &SparkSubmitter{}
	case "grpc":
		return grpcSubmitter{address}
	case "rest":
		return restSubmitter{address}
	default:
		panic(entryPointVariable + " is neither grpc:HOST:PORT nor rest:URL")
	}
}

// grpcSubmitter sends exactly the fields that the fork with the gRPC submitter sends, a connection for each call.
type grpcSubmitter struct{ address string }

func (s grpcSubmitter) Submit(ctx context.Context, app *v1beta2.SparkApplication) error {
	connection, err := grpc.NewClient(s.address, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		return err
	}
	defer connection.Close()
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	reply, err := contract.NewSparkSubmitServiceClient(connection).RunAltSparkSubmit(ctx, &contract.RunAltSparkSubmitRequest{
		SubmissionId:     app.Status.SubmissionID,
		SparkApplication: fewFields(app),
	})
	if err != nil {
		return err
	}
	if !reply.GetSuccess() {
		return fmt.Errorf("%s", reply.GetErrorMessage())
	}
	return nil
}

// fewFields has no uid, and of driver and executors next to nothing.
func fewFields(app *v1beta2.SparkApplication) *contract.SparkApplication {
	spec := app.Spec
	types := map[v1beta2.SparkApplicationType]contract.SparkApplicationType{
		v1beta2.SparkApplicationTypeJava:   contract.SparkApplicationType_SPARK_APPLICATION_TYPE_JAVA,
		v1beta2.SparkApplicationTypePython: contract.SparkApplicationType_SPARK_APPLICATION_TYPE_PYTHON,
		v1beta2.SparkApplicationTypeScala:  contract.SparkApplicationType_SPARK_APPLICATION_TYPE_SCALA,
		v1beta2.SparkApplicationTypeR:      contract.SparkApplicationType_SPARK_APPLICATION_TYPE_R,
	}
	sent := &contract.SparkApplicationSpec{
		Type:                 types[spec.Type],
		Mode:                 contract.DeployMode_DEPLOY_MODE_CLUSTER,
		Image:                text(spec.Image),
		ImagePullPolicy:      text(spec.ImagePullPolicy),
		ImagePullSecrets:     spec.ImagePullSecrets,
		SparkConf:            spec.SparkConf,
		HadoopConf:           spec.HadoopConf,
		SparkConfigMap:       text(spec.SparkConfigMap),
		HadoopConfigMap:      text(spec.HadoopConfigMap),
		Arguments:            spec.Arguments,
		MainClass:            text(spec.MainClass),
		MainApplicationFile:  text(spec.MainApplicationFile),
		ProxyUser:            text(spec.ProxyUser),
		MemoryOverheadFactor: text(spec.MemoryOverheadFactor),
		BatchScheduler:       text(spec.BatchScheduler),
		Deps: &contract.Dependencies{
			Jars: spec.Deps.Jars, Files: spec.Deps.Files, PyFiles: spec.Deps.PyFiles, Packages: spec.Deps.Packages,
			ExcludePackages: spec.Deps.ExcludePackages, Repositories: spec.Deps.Repositories, Archives: spec.Deps.Archives,
		},
		SparkVersion:  spec.SparkVersion,
		RestartPolicy: &contract.RestartPolicy{Type: string(spec.RestartPolicy.Type)},
		Executor:      &contract.ExecutorSpec{Instances: number(spec.Executor.Instances)},
	}
	if spec.PythonVersion != nil {
		sent.PythonVersion = *spec.PythonVersion
	}
	if pod := spec.Driver.SparkPodSpec; pod.Cores != nil || pod.Memory != nil || pod.ServiceAccount != nil {
		sent.Driver = &contract.DriverSpec{SparkPodSpec: fewPodFields(pod)}
		sent.Driver.SparkPodSpec.ServiceAccount = text(pod.ServiceAccount)
	}
	if pod := spec.Executor.SparkPodSpec; pod.Cores != nil || pod.Memory != nil {
		sent.Executor.SparkPodSpec = fewPodFields(pod)
	}
	if allocation := spec.DynamicAllocation; allocation != nil {
		sent.DynamicAllocation = &contract.DynamicAllocation{
			Enabled:                allocation.Enabled,
			InitialExecutors:       orZero(allocation.InitialExecutors),
			MinExecutors:           orZero(allocation.MinExecutors),
			MaxExecutors:           orZero(allocation.MaxExecutors),
			ShuffleTrackingTimeout: orZero(allocation.ShuffleTrackingTimeout),
		}
	}
	return &contract.SparkApplication{
		Metadata: &contract.ObjectMeta{
			Name: app.Name, Namespace: app.Namespace, Labels: app.Labels, Annotations: app.Annotations,
		},
		Spec: sent,
	}
}

func fewPodFields(pod v1beta2.SparkPodSpec) *contract.SparkPodSpec {
	sent := &contract.SparkPodSpec{Cores: number(pod.Cores)}
	if pod.Memory != nil {
		sent.Memory = *pod.Memory
	}
	return sent
}

func text(value *string) *wrapperspb.StringValue {
	if value == nil {
		return nil
	}
	return wrapperspb.String(*value)
}

func number(value *int32) *wrapperspb.Int32Value {
	if value == nil {
		return nil
	}
	return wrapperspb.Int32(*value)
}

func orZero[N int32 | int64](value *N) N {
	if value == nil {
		return 0
	}
	return *value
}

// restSubmitter speaks the contract of the RestSubmitter gate: the arguments without what names template files, and the
// templates in the body.
type restSubmitter struct{ url string }

// restRequest is the body.
type restRequest struct {
	SubmissionID        string                  `json:"submission_id"`
	Arguments           []string                `json:"spark_submit_args"`
	DriverPodTemplate   *corev1.PodTemplateSpec `json:"driver_pod_template,omitempty"`
	ExecutorPodTemplate *corev1.PodTemplateSpec `json:"executor_pod_template,omitempty"`
}

// restFailure is the body of an answer other than 200 and 201.
type restFailure struct {
	Code    string `json:"error_code"`
	Message string `json:"message"`
}

func (s restSubmitter) Submit(ctx context.Context, app *v1beta2.SparkApplication) error {
	arguments, err := buildSparkSubmitArgs(app)
	if err != nil {
		return err
	}
	request := restRequest{SubmissionID: app.Status.SubmissionID}
	for i := 0; i < len(arguments); i++ {
		if arguments[i] != "--conf" || i+1 == len(arguments) {
			request.Arguments = append(request.Arguments, arguments[i])
			continue
		}
		i++
		key, value, _ := strings.Cut(arguments[i], "=")
		switch key {
		case "spark.kubernetes.driver.podTemplateFile":
			request.DriverPodTemplate, err = template(value)
		case "spark.kubernetes.executor.podTemplateFile":
			request.ExecutorPodTemplate, err = template(value)
		case "spark.kubernetes.driver.podTemplateContainerName", "spark.kubernetes.executor.podTemplateContainerName":
		default:
			request.Arguments = append(request.Arguments, "--conf", arguments[i])
		}
		if err != nil {
			return err
		}
	}
	body, err := json.Marshal(request)
	if err != nil {
		return err
	}
	// Three tries, as the operator's client makes by default; its classes of errors are by code alone.
	for pause := 2 * time.Second; ; pause *= 2 {
		again, err := s.post(ctx, body)
		if err == nil || !again || pause > 4*time.Second {
			return err
		}
		time.Sleep(pause)
	}
}

// post says with an error whether another try may help.
func (s restSubmitter) post(ctx context.Context, body []byte) (bool, error) {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, s.url, bytes.NewReader(body))
	if err != nil {
		return false, err
	}
	request.Header.Set("Content-Type", "application/json")
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return true, err
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	if err != nil {
		return true, err
	}
	if response.StatusCode == http.StatusOK || response.StatusCode == http.StatusCreated {
		return !json.Valid(answer), nil
	}
	var failure restFailure
	if json.Unmarshal(answer, &failure) != nil || failure.Message == "" {
		return true, fmt.Errorf("status %d without a structured body", response.StatusCode)
	}
	again := failure.Code == "INTERNAL_SERVER_ERROR" || failure.Code == "SUBMITTER_OVERLOADED"
	return again, fmt.Errorf("%s: %s", failure.Code, failure.Message)
}

// template reads what the operator wrote for spark-submit.
func template(path string) (*corev1.PodTemplateSpec, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	read := &corev1.PodTemplateSpec{}
	return read, yaml.Unmarshal(data, read)
}
