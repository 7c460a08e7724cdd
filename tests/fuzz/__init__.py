"""Random calls of every public function that takes arrays, checked against references in 80 bits.

`cases` draws a call from a seed, `reference` says from the definitions what it returns, `check` compares. Run the
package as a program for many calls: ``python tests/fuzz --calls 100000 --library numpy``.
"""
