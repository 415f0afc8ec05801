"""The hooks that MkDocs calls. Each calls a function of reftorch.site."""

import json
import os
from pathlib import Path

from mkdocs.exceptions import PluginError
from mkdocs.structure.files import File

from reftorch.site import aside, build, fresh, search
from reftorch.site.described import described

made = {"quick": False, "code": {}}  # code: by page, what is put back into it


def on_startup(command, dirty):
    made["quick"] = command == "serve"


def on_config(config):
    try:
        made.update(fresh.made(made["quick"]))
    except RuntimeError as error:
        raise PluginError(str(error)) from None
    if "REFTORCH_KEEP_PAGES" in os.environ:  # for tests that follow
        Path(os.environ["REFTORCH_KEEP_PAGES"]).write_text(json.dumps({**made, "code": {}}), encoding="utf-8")
    config.nav = made["navigation"]
    return config


def on_files(files, config):
    for path, text in made["pages"].items():
        files.append(File.generated(config, path, content=text))
    for path, source in build.assets().items():
        files.append(File.generated(config, path, abs_src_path=str(source)))
    return files


def on_page_read_source(page, config):
    return made["prose"].get(page.file.src_uri)


def on_page_markdown(markdown, page, config, files):
    page.meta.setdefault("description", described(markdown))
    markdown, made["code"][page.url] = aside.set_aside(markdown)
    return markdown


def on_post_page(output, page, config):  # after the search index has taken the text: a formula is in it once, as LaTeX
    return build.render(aside.put_back(output, made["code"].pop(page.url)))


def on_serve(server, config, builder):
    server.watch(str(build.PACKAGE))


def on_post_build(config):  # after the search has written its index, before it is copied for pages opened from a folder
    file = Path(config.site_dir, "search", "search_index.json")
    index = search.lighten(json.loads(file.read_text(encoding="utf-8")))
    file.write_text(json.dumps(index, separators=(",", ":")), encoding="utf-8")
