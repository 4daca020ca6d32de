import sys

from attention_fer.explain.run import main

sys.exit(main())
