"""How the projects of these tests set up pytest."""

# Plugins that may be installed, and that these projects do not use: without them pytest starts in half the time.
WITHOUT_OTHERS = ("-p", "no:anyio", "-p", "no:benchmark", "-p", "no:hypothesispytest")
STRICT = ("--strict-markers", "--strict-config", "-p", "no:cacheprovider")
SETTINGS = f"[pytest]\nfilterwarnings = error\naddopts = {' '.join((*STRICT, *WITHOUT_OTHERS))}\n"
