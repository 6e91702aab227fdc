"""What the pytest plugin does once it is used. `scratchcnn.pytest_plugin` is what pytest loads."""
