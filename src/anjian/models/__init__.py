"""Who answers: the HTTP client, the in-process backend, launched servers, the bundled tiny models."""
