"""Turns component files into pages.

All of it is plain functions from files to Markdown and HTML: `build.pages()` gives every page as Markdown, for any generator of
sites. MkDocs is one of them, led here by the few lines of `docs/hook.py`; `reftorch docs pages --to FOLDER` writes them for another.

    segment      cuts a file into blocks of code and the notes above them
    document     cuts a module's docstring into its sections, and reads the symbols table
    mathematics  formulas, by KaTeX, while the site is built
    highlight    code as HTML, a line an element
    links        from a name in code to the line that defines it
    page         a component file as a page
    examples     runs the examples of docstrings and of the guide
    names        the public names of a file, and what their docstrings say of arguments, shapes and errors
    sections     in which section a component is, and what stands around it there
    recordings   its worked example, recorded kernel by kernel for the step viewer
    pictures     a picture for each component, drawn as the page is made
    gallery      choosing among the components of a section
    search       what is in the index of the search, and by which words a page is found
    lists        notation, coverage, functions, benchmarks: pages made of what all files say, or of data
    build        all pages, and where they go
    fresh        the same in a new Python, which has imported nothing that was changed since
"""
