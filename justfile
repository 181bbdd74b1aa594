# Lists what can be done.
default:
    @just --list

# Runs what CI runs.
ci:
    bash .ci/run

# Runs the tests.
test *args:
    cargo test --locked {{ args }}

# Runs many seeds of the simulator; `DREAMRUN_SIM_SEED=N` and the test `replay` show one of them.
sim seeds="100000":
    DREAMRUN_SIM_SEEDS={{ seeds }} cargo test --locked --test sim -- --nocapture no_seed_breaks_a_law

# Draws new cases for the property tests, many of them.
explore cases="4096":
    PROPTEST_CASES={{ cases }} cargo test --locked --lib

# Lets the official SDKs judge `dreamrun serve`.
sdk *args:
    tests/sdk/run {{ args }}

# Formats everything.
fmt:
    cargo fmt

# Checks the pipelines of this repository.
validate:
    cargo run --locked -- validate

# Writes the schemas anew after a change to the authored types.
schemas:
    UPDATE_SCHEMAS=1 cargo test --locked --test schema

# Forgets this checkout's runs, stores and state.
clean-state:
    rm -rf .dreamrun
