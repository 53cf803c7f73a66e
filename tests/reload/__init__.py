import pytest

pytest.register_assert_rewrite(
    "tests.reload.chat_keys", "tests.reload.connection_keys", "tests.reload.process_keys", "tests.reload.running_parts"
)
