# Lists what can be done.
default:
    @just --list

# Runs what CI runs.
ci:
    bash .ci/run

# Runs the tests.
test *args:
    cargo test --locked {{ args }}

# Lets the official SDKs judge `dreamrun serve`.
sdk *args:
    tests/sdk/run {{ args }}

# Formats everything.
fmt:
    cargo fmt

# Checks the pipelines of this repository.
validate:
    cargo run --release --locked -- validate

# Writes the schemas anew after a change to the authored types.
schemas:
    UPDATE_SCHEMAS=1 cargo test --locked --test schema

# Forgets this checkout's runs, stores and state.
clean-state:
    rm -rf .dreamrun
