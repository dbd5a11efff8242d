"""JT/T 808 of 2011, 2013 and 2019, and the signalling of JT/T 1078-2016, without input or output.

    bytes → framing.Splitter → codec.read → packets.Assembly → codec.interpret → messages

`channel.Channel` is all of this for one connection. Facts are from the standards themselves;
clauses that the standards print wrongly are noted where they are read.
"""
