"""A page opened in Chromium: what is missing, what is loaded from outside, what cannot be read."""

import shutil
from contextlib import contextmanager
from importlib.util import find_spec

WIDTHS, SCHEMES = (400, 1400), ("light", "dark")
# WCAG 2.2, success criterion 1.4.3: the least contrast of a text with its ground.
LEAST_CONTRAST = 4.5


def chromium():
    """Where Chromium is installed; None where it, or the library that drives it, is not."""
    found = filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome")))
    return next(found, None) if find_spec("playwright") else None


@contextmanager
def browser():
    """Start Chromium."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=chromium())
        yield started
        started.close()


def faults(started, path, width=1400, scheme="light"):
    """List what is wrong with a page in a window of a width, in a colour scheme."""
    context = started.new_context(
        viewport={"width": width, "height": 900}, color_scheme=scheme, reduced_motion="reduce"
    )  # fmt: skip
    found = []
    page = context.new_page()
    page.on("request", lambda request: found.extend(_outside(request.url, path)))
    page.on("requestfailed", lambda request: found.append(f"not loaded: {request.url}"))
    page.on("console", lambda message: found.append(f"console: {message.text}"))
    page.on("pageerror", lambda error: found.append(f"error: {error}"))
    page.goto(path.as_uri(), wait_until="load")
    found.extend(page.evaluate(FAULTS, {"width": width, "contrast": LEAST_CONTRAST}))
    for link in page.query_selector_all("a[href]"):
        found.extend(_followed(page, link, path))
    context.close()
    return found


def _outside(url, path):
    if url != path.as_uri() and not url.startswith("data:"):
        yield f"loaded from outside: {url}"


def _followed(page, link, path):
    """Follow a link: it must lead to a place of the page, which is then seen."""
    target = link.get_attribute("href")
    if not target.startswith("#"):
        yield f"leads outside: {target}"
        return
    link.click()
    if page.url != path.as_uri() + target:
        yield f"not followed: {target}"
    elif not page.evaluate(SEEN, target[1:]):
        yield f"leads nowhere: {target}"


SEEN = """name => {
    const box = document.getElementById(name)?.getBoundingClientRect();
    return Boolean(box && box.height && box.top < innerHeight && box.bottom > 0);
}"""

# What is too wide, images that are not there, and texts that do not stand out from their ground.
FAULTS = """async ({width, contrast}) => {
    const found = [];
    document.querySelectorAll("details").forEach(each => each.open = true);
    if (document.documentElement.scrollWidth > width)
        found.push(`wider than ${width}: ${document.documentElement.scrollWidth}`);
    for (const image of document.querySelectorAll("img, image")) {
        const source = new Image();
        source.src = image.getAttribute("src") ?? image.getAttribute("href");
        await source.decode().catch(() => found.push(`no image: ${source.src.slice(0, 60)}`));
    }
    const parts = colour => {
        const [red, green, blue, opacity = 1] = colour.match(/[\\d.]+/g).map(Number);
        return {red, green, blue, opacity};
    };
    const light = ({red, green, blue}) => [red, green, blue].map(part => part / 255)
        .map(part => part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4)
        .reduce((sum, part, k) => sum + part * [0.2126, 0.7152, 0.0722][k], 0);
    const ground = element => {
        const colour = element ? parts(getComputedStyle(element).backgroundColor) : parts("rgb(255, 255, 255)");
        return colour.opacity ? colour : ground(element.parentElement);
    };
    const dim = new Map();
    for (const element of document.body.querySelectorAll("*")) {
        const own = [...element.childNodes].filter(node => node.nodeType === 3).map(node => node.data.trim()).join("");
        if (!own || !element.getClientRects().length) continue;
        const style = getComputedStyle(element);
        const [one, other] = [parts(element.closest("svg") ? style.fill : style.color), ground(element)].map(light);
        const ratio = (Math.max(one, other) + 0.05) / (Math.min(one, other) + 0.05);
        const where = `${element.tagName}.${element.className}`;
        if (ratio < contrast) dim.set(where, `${own.slice(0, 30)}: ${ratio.toFixed(1)}`);
    }
    for (const [where, what] of dim) found.push(`too little contrast at ${where}: ${what}`);
    return found;
}"""
