module native-submit/tests/e2e/http2

go 1.26.0
