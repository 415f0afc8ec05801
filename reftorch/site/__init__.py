"""Turns component files into pages.

The package consists of plain functions from files to Markdown and HTML: `build.pages()` gives every page as Markdown, for any site
generator. For MkDocs, the few lines of `docs/hook.py` call these functions; `reftorch docs pages --to FOLDER` writes the pages for
another generator.

    segment      cuts a file into blocks of code and the notes above them
    document     cuts a module's docstring into its sections, and reads the symbols table
    mathematics  formulas, by KaTeX, while the site is built
    highlight    code as HTML, one element per line
    links        from a name in code to the line that defines it
    page         a component file as a page
    examples     runs the examples of docstrings and of the guide
    names        the public names of a file, with arguments, shapes and errors from their docstrings
    sections     the section of a component, and its neighbours there
    recordings   the worked example of a component, recorded kernel by kernel for the step viewer
    pictures     a picture for each component, drawn when the page is made
    gallery      a picture and a sentence for each component of a section, to choose among them
    search       the search index, and the words by which a page is found
    lists        notation, coverage, functions, benchmarks: pages made from all files, or from data
    build        all pages, and their paths
    fresh        the same in a new Python process, which imports changed files anew
"""
