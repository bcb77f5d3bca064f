documentation = ()
