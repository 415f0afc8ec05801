"""MkDocs asks here; reftorch.site answers."""

from mkdocs.structure.files import File

from reftorch.site import build


def on_config(config):
    config.nav = build.navigation()
    return config


def on_files(files, config):
    for path, text in build.pages().items():
        files.append(File.generated(config, path, content=text))
    for path, source in build.assets().items():
        files.append(File.generated(config, path, abs_src_path=str(source)))
    return files


def on_page_markdown(markdown, page, config, files):
    return build.embed(markdown)


def on_post_page(output, page, config):  # after the search index has taken the text: a formula is in it once, as LaTeX
    return build.render(output)


def on_serve(server, config, builder):
    server.watch(str(build.PACKAGE))
