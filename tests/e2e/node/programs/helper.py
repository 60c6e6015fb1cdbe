VALUE = "a module of pyFiles"
